// Makes the checks away from the page, so that a slow phone still scrolls. Gets the text of a proof, answers
// with one message for each check and then null.
"use strict";

importScripts(
  ...["sha256.js", "isogeny.js", "bls12381.js", "checks.js"].map((name) => name + self.location.search),
);

self.onmessage = ({ data }) => {
  for (const check of self.Equb.checks(self.Equb.readProof(data))) self.postMessage(check);
  self.postMessage(null);
};
