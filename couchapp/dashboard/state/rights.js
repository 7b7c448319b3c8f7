// Who may do what, as the databases' security and the farm's validation say. It decides what is offered; the database
// decides what is done.

export const ROLE = "crashfarm";
export const LENT = "crashfarm-worker"; // of a machine's account, which may write what a worker must and no more

export function isAdmin(user, security) {
  const admins = security?.admins || {};
  const roles = user.roles || [];
  return roles.includes("_admin") || (admins.names || []).includes(user.name)
    || roles.some((role) => (admins.roles || []).includes(role));
}

function mayWrite(user, security) {
  const roles = user.roles || [];
  return isAdmin(user, security) || (roles.includes(ROLE) && !roles.includes(LENT));
}

// `status` and `history` are the security of the two databases. A decision about a signature is written to both.
export function rightsOf(user, status, history) {
  const write = mayWrite(user, status);
  return {
    admin: isAdmin(user, status) && isAdmin(user, history), serverAdmin: (user.roles || []).includes("_admin"),
    write, suppress: mayWrite(user, history), explain: write && mayWrite(user, history),
  };
}
