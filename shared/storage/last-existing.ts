/**
 * The highest number that exists, searched upwards from one that exists (or 0). Numbers are given without gaps, so the
 * search doubles its steps and then halves them: few questions, however long the history is.
 */
export async function lastExisting(
  from: number,
  exists: (number: number) => Promise<boolean>,
): Promise<number> {
  let known = from;
  let step = 1;
  while (await exists(known + step)) {
    known += step;
    step *= 2;
  }
  for (let missing = known + step; missing - known > 1;) {
    const middle = known + Math.floor((missing - known) / 2);
    if (await exists(middle)) known = middle;
    else missing = middle;
  }
  return known;
}
