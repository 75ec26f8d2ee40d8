// Majorities. Any two meet in a member, so whatever one majority holds, every later majority knows of.

/** Members that must agree in a group of `members`: more than half. */
export function quorumOf(members: number): number {
  return Math.floor(members / 2) + 1;
}

/**
 * The highest op that a majority holds, given what each member holds (the asker included). It may be committed only
 * if its entry is of the current view: an older view's entry commits with a later one of this view, never by count
 * (Ongaro & Ousterhout 2014, §5.4.2, figure 8). O(n log n), n <= 5.
 */
export function heldByQuorum(held: readonly number[]): number {
  const descending = [...held].sort((a, b) => b - a);
  return descending[quorumOf(held.length) - 1] ?? 0;
}

/** The member that is primary of the view (Liskov & Cowling 2012, §4: round robin). */
export function primaryOf(view: number, members: number): number {
  return view % members;
}
