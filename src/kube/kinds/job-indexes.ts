/** Indexes as `1,3-5`, in increasing order; the messages are upstream's. */
export type ReadIndexes =
  | { readonly kind: 'indexes'; readonly total: number }
  | { readonly kind: 'unreadable'; readonly message: string }

/** Reads indexes below `completions`. */
export function readIndexes(text: string, completions: number): ReadIndexes {
  if (text === '') return { kind: 'indexes', total: 0 }
  let [last, total] = [-1, 0]
  for (const part of text.split(',')) {
    const read = readInterval(part, completions)
    if (read.kind === 'unreadable') return read
    if (last >= read.first) {
      return unreadable(`non-increasing order, previous: ${last}, current: ${read.first}`)
    }
    total += read.last - read.first + 1
    last = read.last
  }
  return { kind: 'indexes', total }
}

type Interval =
  | { readonly kind: 'interval'; readonly first: number; readonly last: number }
  | { readonly kind: 'unreadable'; readonly message: string }

function readInterval(text: string, completions: number): Interval {
  const ends = text.split('-')
  if (ends.length > 2) {
    const rule = `violates the requirement that an index interval can have at most two parts separated by '-'`
    return unreadable(`the fragment ${JSON.stringify(text)} ${rule}`)
  }
  const numbers: number[] = []
  for (const end of ends) {
    if (!/^\+?\d+$/.test(end)) return unreadable(`cannot convert string to integer for index: ${JSON.stringify(end)}`)
    if (Number(end) >= completions) return unreadable(`too large index: ${JSON.stringify(end)}`)
    numbers.push(Number(end))
  }
  const [first = 0, last = first] = numbers
  if (ends.length === 2 && first >= last) {
    return unreadable(`non-increasing order, previous: ${first}, current: ${last}`)
  }
  return { kind: 'interval', first, last }
}

function unreadable(message: string): { readonly kind: 'unreadable'; readonly message: string } {
  return { kind: 'unreadable', message }
}
