/** One fault, for the person who uploads the file. Texts are plain English; `code` is for a page that translates. */
export interface MappingProblem {
  code:
    | 'encoding'
    | 'quotes'
    | 'header'
    | 'rows'
    | 'cells'
    | 'number'
    | 'excel'
    | 'address'
    | 'date'
    | 'period'
    | 'overlap';
  /** From 1, as an editor counts. A row whose quoted fields span lines is named by its first. */
  line: number;
  /** From 1; absent where the fault is not in one column. */
  column?: number;
  /** The header of that column, as the file has it. */
  header?: string;
  expected: string;
  /** What the file has instead, cut short. */
  found: string;
}

export type Report = (problem: MappingProblem) => void;

/** Fit for an error text: one line, bounded, never empty. */
export function shown(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  if (line === '') return 'nothing';
  const letters = [...line];
  return letters.length > 60 ? `${letters.slice(0, 60).join('')}…` : line;
}
