/**
 * Puts endpoints into slots 0..n-1, moving as few as possible: who stays keeps the slot, who is new fills a hole, and
 * what holes remain are filled by the last ones.
 *
 * @param current Occupants by slot.
 * @param wanted Who shall be in, each once.
 */
export function assignSlots(current: readonly string[], wanted: readonly string[]): readonly string[] {
  if (current.length === 0) return wanted
  const staying = new Set(wanted)
  const slots: (string | undefined)[] = current.map((occupant) => (staying.delete(occupant) ? occupant : undefined))
  const arriving = wanted.filter((endpoint) => staying.delete(endpoint))
  for (let slot = 0; slot < slots.length && arriving.length > 0; slot += 1) {
    if (slots[slot] === undefined) slots[slot] = arriving.shift()
  }
  slots.push(...arriving)
  return closeHoles(slots)
}

function closeHoles(slots: (string | undefined)[]): string[] {
  const closed: string[] = []
  for (let slot = 0, end = slots.length; slot < end; slot += 1) {
    let occupant = slots[slot]
    while (occupant === undefined && end - 1 > slot) {
      end -= 1
      occupant = slots[end]
    }
    if (occupant !== undefined) closed.push(occupant)
  }
  return closed
}
