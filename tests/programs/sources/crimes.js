// Goes wrong in the way that its argument names.
function measure(text) {
  return text.length;
}

function commit(name) {
  if (name === "null") return measure(null);
  if (name === "throw") throw new RangeError("enough");
  return 0;
}

commit(process.argv[2]);
