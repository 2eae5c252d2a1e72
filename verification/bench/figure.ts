/** What a benchmark found: one line of the table. */
export interface Figure {
  name: string;
  ours: number;
  /** The limit that nothing can beat, or a peer that does the same in the usual way. */
  other: number;
  /** What `other` is. */
  against: string;
  unit: string;
  /** `ours` divided by `other` unless the figure is an absolute one. */
  ratio: number;
  /** The highest ratio that is good enough. */
  goal: number;
  /** The lowest and the highest ratio of the repetitions; absent for what is counted and not timed. */
  spread?: [number, number];
}

/** A bench: several figures that share what they measure. */
export interface Bench {
  name: string;
  about: string;
  run(tell: (progress: string) => void): Promise<Figure[]>;
}

export const isMet = ({ ratio, goal }: Figure): boolean => ratio <= goal;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A figure of repetitions that were measured in pairs: the median of each side, and the spread of the ratios. */
export function paired(
  { name, against, unit, goal }: Pick<Figure, 'name' | 'against' | 'unit' | 'goal'>,
  ours: readonly number[],
  other: readonly number[],
): Figure {
  const ratios = ours.map((value, at) => value / other[at]!);
  const sides = { ours: median(ours), other: median(other) };
  return {
    ...{ name, against, unit, goal },
    ...sides,
    ratio: sides.ours / sides.other,
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}

/** A figure that is counted: the same in each repetition. */
export const counted = (figure: Omit<Figure, 'ratio' | 'spread'>): Figure => ({
  ...figure,
  ratio: figure.ours / figure.other,
});
