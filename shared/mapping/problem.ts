/** One fault of a mapping file, or one doubt about it, for the person who uploads it. Texts are plain English; `code` is for a page that translates. */
export interface MappingProblem {
  code:
    | 'encoding'
    | 'quotes'
    | 'header'
    | 'rows'
    | 'cells'
    | 'number'
    | 'ambiguous'
    | 'unlisted'
    | 'excel'
    | 'address'
    | 'date'
    | 'period'
    | 'overlap';
  /** From 1, as an editor counts. A row whose quoted fields span several lines has the number of its first line. */
  line: number;
  /** From 1; absent if the fault is not in one column. */
  column?: number;
  /** The header of that column, as the file writes it. */
  header?: string;
  expected: string;
  /** What the file has instead, shortened. */
  found: string;
}

/** Makes a text of the file fit for an error message: one line, at most 60 characters, never empty. */
export function shown(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  if (line === '') return 'nothing';
  const letters = [...line];
  return letters.length > 60 ? `${letters.slice(0, 60).join('')}…` : line;
}
