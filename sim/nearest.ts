/** Suggestions for one mistyped name. */
const MAX_SUGGESTIONS = 3;

/** Names that were probably meant, nearest first: those that contain it, and those that a few typing errors lead to. */
export function nearest(name: string, names: readonly string[]): string[] {
  const wanted = name.toLowerCase();
  const tolerated = Math.max(2, Math.floor(wanted.length / 4));
  return names
    .map((candidate) => ({ candidate, distance: wanted !== '' && candidate.includes(wanted) ? 0 : editDistance(wanted, candidate) }))
    .filter(({ distance }) => distance <= tolerated)
    .sort((left, right) => left.distance - right.distance)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ candidate }) => candidate);
}

/** Levenshtein: insertions, deletions and replacements of a character. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[right.length]!;
}
