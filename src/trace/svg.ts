/** A prediction as a picture: boxes from top to bottom, a column for each endpoint that may be chosen. */
import { type Hop, type Path, placeText } from './hop.ts'
import type { Prediction } from './predict.ts'
import { hopText, verdictLines } from './tree.ts'

const BOX = { width: 300, height: 44, gap: 16 } as const
const MARGIN = 20
/** Columns that are drawn; of more endpoints the first. */
const MOST_COLUMNS = 8

interface Box {
  readonly x: number
  readonly y: number
  readonly title: string
  readonly text: string
  readonly style: 'hop' | 'good' | 'bad' | 'choice'
}

/** An SVG document; every box has the whole hop as its title. */
export function predictionSvg(prediction: Prediction): string {
  const boxes: Box[] = []
  const end =
    prediction.path === undefined ? { column: 1, y: MARGIN } : draw(prediction.path, { x: 0, y: MARGIN }, boxes)
  const lines = verdictLines(prediction)
  const bottom = Math.max(MARGIN, ...boxes.map(({ y }) => y + BOX.height + BOX.gap))
  const width = Math.max(end.column * (BOX.width + BOX.gap), 640) + 2 * MARGIN
  const height = bottom + lines.length * 18 + MARGIN
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(`${placeText(prediction.from)} to ${prediction.to}`)}</title>`,
    ...boxes.map(boxText),
    ...lines.map(
      (line, index) => `<text x="${MARGIN}" y="${bottom + 18 * (index + 1)}">${escaped(line.trim())}</text>`,
    ),
    '</svg>',
  ].join('\n')
}

/** Draws a path from a column on; returns the columns that it takes. */
function draw(
  { hops, next }: Path,
  at: { readonly x: number; readonly y: number },
  boxes: Box[],
): { column: number; y: number } {
  let { y } = at
  const add = (style: Box['style'], title: string, text: string) => {
    boxes.push({ x: MARGIN + at.x * (BOX.width + BOX.gap), y, title, text, style })
    y += BOX.height + BOX.gap
  }
  for (const hop of hops) add('hop', headOf(hop), hopText(hop))
  if (next.kind === 'delivered') add('good', 'answers', placeText(next.place))
  else if (next.kind !== 'choice') add('bad', next.kind, next.cause.sentence)
  else {
    add('choice', next.how, `one of ${next.branches.length}`)
    let column = at.x
    for (const { path } of next.branches) {
      if (column - at.x >= MOST_COLUMNS) break
      column = draw(path, { x: column, y }, boxes).column
    }
    return { column, y }
  }
  return { column: at.x + 1, y }
}

function headOf(hop: Hop): string {
  return hop.kind === 'tunnel' ? `${hop.kind}: ${placeText(hop.from)}` : `${hop.kind}: ${placeText(hop.place)}`
}

const FILLS = { hop: '#eef2ff', good: '#dcfce7', bad: '#fee2e2', choice: '#fef9c3' } as const
/** Letters that fit into a box. */
const FITTING = 46

function boxText({ x, y, title, text, style }: Box): string {
  const cut = (words: string) => escaped(words.length > FITTING ? `${words.slice(0, FITTING - 1)}…` : words)
  return [
    `<g><title>${escaped(text)}</title>`,
    `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6" fill="${FILLS[style]}" stroke="#94a3b8"/>`,
    `<text x="${x + 8}" y="${y + 18}" font-weight="bold">${cut(title)}</text>`,
    `<text x="${x + 8}" y="${y + 35}">${cut(text)}</text></g>`,
  ].join('')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
