// Days in two calendars. Everything is shown as in Addis Ababa, three hours ahead of UTC all year.

const ADDIS_MS = 3 * 3600 * 1000;
const DAY_MS = 24 * 3600 * 1000;
const MONTHS_AM = ['መስከረም', 'ጥቅምት', 'ኅዳር', 'ታኅሣሥ', 'ጥር', 'የካቲት', 'መጋቢት', 'ሚያዝያ', 'ግንቦት', 'ሰኔ', 'ሐምሌ', 'ነሐሴ', 'ጳጉሜን'];
const DAYS_AM = ['እሑድ', 'ሰኞ', 'ማክሰኞ', 'ረቡዕ', 'ሐሙስ', 'ዓርብ', 'ቅዳሜ'];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

/** {year, month, day} of the Ethiopian calendar for a moment in ms. Month 13 has five or six days. */
export function ethiopian(ms) {
  const days = Math.floor((ms + ADDIS_MS) / DAY_MS);
  // The Ethiopian year 0 began 716732 days before 1970; four years are 1461 days.
  const since = days + 716732;
  const fours = Math.floor(since / 1461);
  const rest = since - fours * 1461;
  const inFour = Math.min(3, Math.floor(rest / 365));
  const dayOfYear = rest - inFour * 365;
  return { year: fours * 4 + inFour, month: Math.floor(dayOfYear / 30) + 1, day: (dayOfYear % 30) + 1 };
}

const local = (ms) => new Date(ms + ADDIS_MS);
const two = (number) => String(number).padStart(2, '0');

export function time(ms) {
  const date = local(ms);
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

export function ethiopianDate(ms) {
  const { year, month, day } = ethiopian(ms);
  return `${DAYS_AM[local(ms).getUTCDay()]} ${day} ${MONTHS_AM[month - 1]} ${year}`;
}

export function gregorianDate(ms) {
  const date = local(ms);
  return `${DAYS[date.getUTCDay()]} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

export function shortDate(ms) {
  const date = local(ms);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()].slice(0, 3)}`;
}

export const dayNumber = (ms) => Math.floor((ms + ADDIS_MS) / DAY_MS);

/** "in 3 days", "in 2 hours": how far ahead a moment is. */
export function ahead(ms) {
  const minutes = Math.round(ms / 60000);
  if (minutes < 1) return 'now';
  if (minutes < 90) return `in ${minutes} min`;
  const hours = Math.round(minutes / 60);
  if (hours < 36) return `in ${hours} hours`;
  return `in ${Math.round(hours / 24)} days`;
}
