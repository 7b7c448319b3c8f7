// An act that the document does not allow, in words for whoever tried it.

export class Impossible extends Error {
  constructor(reason) {
    super(reason);
    this.name = "Impossible";
  }
}
