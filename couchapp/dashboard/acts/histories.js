// What people decide about a signature: written on every history document of it.

// Whether findings of a signature are to be left out of what is new.
// A document that says so already stays as it is.
export function suppress(history, suppressed, now) {
  if ((history.suppressed === true) === suppressed) return history;
  return { ...history, suppressed, suppressed_at: now };
}

export function nameBug(history, bug) {
  const list = bug.state === "closed" ? "closed" : "open";
  const bugs = { open: history.bugs?.open || [], closed: history.bugs?.closed || [] };
  const others = list === "open" ? "closed" : "open";
  if (bugs[list].includes(bug._id) && !bugs[others].includes(bug._id)) return history;
  return {
    ...history,
    bugs: {
      ...history.bugs,
      [list]: [...new Set([...bugs[list], bug._id])].sort(),
      [others]: bugs[others].filter((id) => id !== bug._id),
    },
  };
}
