// What people decide about a signature: written on every history document of it.

// Whether findings of a signature are to be left out of what is new.
// A document that says so already stays as it is.
export function suppress(history, suppressed, now) {
  if ((history.suppressed === true) === suppressed) return history;
  return { ...history, suppressed, suppressed_at: now };
}

// The bug explains the tuple, in the list of its state; it is back where it was fixed on that branch and the tuple was
// seen after that. A tuple that names it already stays as it is: what becomes of its bugs is the collector's to say.
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
    regressed: [...(history.regressed || []).filter((id) => id !== bug._id), ...(isBack(bug, history) ? [bug._id] : [])].sort(),
  };
}

function isBack(bug, history) {
  const fixed = bug.fixed_on || [];
  return bug.state === "closed" && Boolean(bug.closed_at) && history.last_seen > bug.closed_at
    && (fixed.includes(history.branch) || fixed.includes("*"));
}
