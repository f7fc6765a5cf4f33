/** Printing: results to standard output, everything else to standard error. */

const colours = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const
type Colour = keyof typeof colours

/** Colour only for a person at a terminal who wants it (https://no-color.org). */
export function paint(colour: Colour, text: string, stream: NodeJS.WriteStream = process.stderr): string {
  const { NO_COLOR: off = '', FORCE_COLOR: on = '', TERM } = process.env
  const wanted = on !== '' || (off === '' && TERM !== 'dumb' && stream.isTTY === true)
  return wanted ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text
}

/** A message to the person; never part of the result. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** A step that is done. */
export function done(text: string): void {
  say(` ${paint('green', '✓')} ${text}`)
}

/** A line of the result. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Columns as kubectl prints them: padded, three spaces apart. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n')
}
