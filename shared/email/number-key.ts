/** Numbers that differ by `+` and punctuation alone have the same key; what is no number is its own key. */
export function numberKey(number: string): string {
  const text = number.trim();
  return /^[+\d\s().\-/]*\d[+\d\s().\-/]*$/.test(text) ? text.replace(/\D/g, '') : text.toLowerCase();
}
