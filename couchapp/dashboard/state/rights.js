// Who may do what, as the databases' security and the farm's validation say. It decides what is offered; the database
// decides what is done.

export const ROLE = "crashfarm";

export function isAdmin(user, security) {
  const admins = security?.admins || {};
  const roles = user.roles || [];
  return roles.includes("_admin") || (admins.names || []).includes(user.name)
    || roles.some((role) => (admins.roles || []).includes(role));
}

export function rightsOf(user, security) {
  const admin = isAdmin(user, security);
  return { admin, serverAdmin: (user.roles || []).includes("_admin"), write: admin || (user.roles || []).includes(ROLE) };
}
