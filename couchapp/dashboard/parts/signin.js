// The form with which a user of CouchDB signs in.

import { el, fill } from "../lib/dom.js";

export function signIn(couch, onSignedIn, why = "") {
  const name = el("input", { id: "name", name: "name", autocomplete: "username", required: true, autocapitalize: "none" });
  const password = el("input", {
    id: "password", name: "password", type: "password", autocomplete: "current-password", required: true,
  });
  const trouble = el("p", { class: "trouble", role: "alert" });
  const button = el("button", { class: "strong" }, "Sign in");
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    fill(trouble);
    try {
      await couch.signIn(name.value, password.value);
      await onSignedIn();
    } catch (refusal) {
      fill(trouble, refusal.status === 401 ? "That is no user's name and password." : refusal.message);
      password.select();
    } finally {
      button.disabled = false;
    }
  }
  const form = el("form", { class: "sign-in", onsubmit: submit },
    el("h1", {}, "Sign in"),
    el("p", { class: "lede" }, why || "With the name and password that CouchDB knows you by."),
    el("label", { for: "name" }, "Name"), name,
    el("label", { for: "password" }, "Password"), password,
    trouble, button);
  queueMicrotask(() => name.focus());
  return form;
}
