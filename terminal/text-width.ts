/** East Asian characters and emoji take two columns of a terminal; combining marks take none. */
const columnsOf = (character: string): number =>
  /\p{Mn}|\p{Me}|\p{Cf}/u.test(character)
    ? 0
    : /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
          character,
        )
      ? 2
      : 1;

/** Columns that the text takes in a terminal. */
export const widthOf = (text: string): number =>
  [...text].reduce((sum, character) => sum + columnsOf(character), 0);

/**
 * Cuts or pads a text to exactly this many columns. Control characters and line ends become spaces: a text from outside
 * must not move the cursor.
 */
export function fit(text: string, width: number): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ');
  let columns = 0;
  let cut = '';
  if (widthOf(line) <= width) return line + ' '.repeat(width - widthOf(line));
  for (const character of line) {
    const next = columns + columnsOf(character);
    if (next > width - 1) break;
    cut += character;
    columns = next;
  }
  return `${cut}…${' '.repeat(Math.max(0, width - columns - 1))}`;
}
