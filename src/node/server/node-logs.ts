import { createReadStream, readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { systemErrorCode } from '../../base/error.ts'
import { type HttpFailure, httpFailure } from './http-failure.ts'

/** A file of the node's logs, or the list of a directory as a page. */
export type NodeLog =
  | { readonly kind: 'file'; readonly body: AsyncIterable<Buffer> }
  | { readonly kind: 'list'; readonly html: string }

const NOT_FOUND = httpFailure(404, '404 page not found')

/** What `/logs/PATH` shows, as upstream's file server does; nothing outside of `root`, wherever links lead. */
export function nodeLog(root: string, path: string): NodeLog | HttpFailure {
  if (path.includes('\0')) return NOT_FOUND
  try {
    const [top, file] = [realpathSync(root), realpathSync(join(root, path))]
    if (file !== top && !file.startsWith(`${top}/`)) return NOT_FOUND
    if (statSync(file).isDirectory()) return { kind: 'list', html: listing(file) }
    return { kind: 'file', body: createReadStream(file) }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(systemErrorCode(error) ?? '')) return NOT_FOUND
    throw error
  }
}

function listing(directory: string): string {
  const links = readdirSync(directory, { withFileTypes: true })
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort()
    .map((name) => `<a href="${encodeURI(name)}">${escaped(name)}</a>\n`)
  return `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${links.join('')}</pre>\n`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
