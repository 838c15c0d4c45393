// Sentences come out of the module in pieces.

let sentence = "";

export function say(piece) {
  sentence += piece;
}

export function take() {
  const whole = sentence;
  sentence = "";
  return whole;
}
