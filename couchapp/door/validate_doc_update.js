// Anybody may read this database, for it holds the dashboard's pages, which ask for a name and a password. Only
// administrators may write to it.
function (newDoc, oldDoc, userCtx, secObj) {
  var roles = (userCtx && userCtx.roles) || [];
  if (roles.indexOf("_admin") < 0) throw { forbidden: "user: only an administrator may write to the farm's door" };
}
