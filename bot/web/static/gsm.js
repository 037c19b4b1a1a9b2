// How long a text is on a USSD screen: septets of the GSM 7-bit alphabet (3GPP TS 23.038), or UCS-2.

const BASIC = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
const EXTENSION = new Set("\f^{}\\[~]|€");
const SEPTETS = 182;
const UCS2 = 80;

/** {used, limit, unit, fits, foreign}: `fits` is how many characters of the text a screen takes. */
export function measure(text) {
  const letters = [...text];
  const foreign = letters.find((letter) => !BASIC.has(letter) && !EXTENSION.has(letter)) ?? "";
  const cost = foreign ? (letter) => letter.length : (letter) => (EXTENSION.has(letter) ? 2 : 1);
  const limit = foreign ? UCS2 : SEPTETS;
  let used = 0;
  let fits = 0;
  for (const letter of letters) {
    used += cost(letter);
    if (used <= limit) fits += letter.length;
  }
  return { used, limit, unit: foreign ? "UCS-2 characters" : "septets", fits, foreign };
}
