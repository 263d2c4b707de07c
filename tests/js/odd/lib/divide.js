export function divide(row) {
  const rest = row.id % 4;
  if (rest === 0) throw new RangeError(`${row.id} cannot be divided`);
  return 1 / rest;
}
