// Shares of a ring whose points own the arcs that lead up to them, exactly.

const TURN = 2 ** 32;

/** @param positions ascending, of 32 bits. @param owners by point, 0 to members − 1. */
export function arcShares(
  positions: ArrayLike<number>,
  owners: ArrayLike<number>,
  members: number,
): number[] {
  const shares = new Array<number>(members).fill(0);
  let before = (positions[positions.length - 1] ?? 0) - TURN;
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i] ?? 0;
    const owner = owners[i] ?? 0;
    shares[owner] = (shares[owner] ?? 0) + (position - before) / TURN;
    before = position;
  }
  return shares;
}
