import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { join, normalize } from 'node:path'
import { unless } from '../../../base/unless.ts'
import type { Flags } from './flags.ts'
import { listening } from './serving.ts'

/** Serves the container's files over HTTP. */
export async function serveFiles(flags: Flags): Promise<void> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://files')
    const content = contentOf(decodeURIComponent(pathname))
    response.setHeader('cache-control', 'private')
    response.setHeader('access-control-allow-origin', '*')
    if (content === undefined) response.writeHead(404).end('404 page not found\n')
    else response.end(content)
  })
  await listening(server, flags.number('port', 80))
}

/** A file's bytes, or a list of what a directory holds. */
function contentOf(path: string): Buffer | string | undefined {
  const file = join('/', normalize(path))
  return unless(['ENOENT', 'ENOTDIR', 'EACCES'], () =>
    statSync(file).isDirectory() ? listing(readdirSync(file)) : readFileSync(file),
  )
}

function listing(names: readonly string[]): string {
  return `<pre>\n${names.map((name) => `<a href="${encodeURIComponent(name)}">${name}</a>`).join('\n')}\n</pre>\n`
}
