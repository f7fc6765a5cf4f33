import type { Paint } from '../trace/tree.ts'
import { paint } from './output.ts'

const STYLES = { good: 'green', bad: 'red', dim: 'dim', bold: 'bold' } as const

/** Paints parts of a result that goes to standard output. */
export const onOutput: Paint = (style, text) => paint(STYLES[style], text, process.stdout)
