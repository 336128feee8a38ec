// What a text costs in SMS parts, counted in the browser while somebody types (as sandbox/segments.py does).

const BASIC = new Set('@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà');
const ESCAPED = new Set('\f^{}\\[~]|€');

export function segments(text) {
  const letters = [...text];
  const gsm = letters.every((letter) => BASIC.has(letter) || ESCAPED.has(letter));
  const widths = letters.map((letter) => (gsm ? (ESCAPED.has(letter) ? 2 : 1) : letter.length));
  const [alone, chained] = gsm ? [160, 153] : [70, 67];
  const units = widths.reduce((sum, width) => sum + width, 0);
  const encoding = gsm ? 'GSM-7' : 'UCS-2';
  if (units <= alone) return { encoding, count: 1, left: alone - units };
  let count = 1;
  let used = 0;
  for (const width of widths) {
    if (used + width > chained) { count += 1; used = 0; }
    used += width;
  }
  return { encoding, count, left: chained - used };
}
