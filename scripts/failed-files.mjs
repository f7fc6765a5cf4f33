// A reporter of node:test: the files in which a test failed, a line each.
import { relative } from 'node:path'
import { root } from './setup.mjs'

// biome-ignore lint/style/noDefaultExport: node:test takes the default export of a reporter.
export default async function* failedFiles(events) {
  const told = new Set()
  for await (const { type, data } of events) {
    if (type !== 'test:fail' || data.todo || data.skip) continue
    // What fails before its first test has the file's name for its own.
    const file = relative(root, data.file ?? data.name)
    if (told.has(file)) continue
    told.add(file)
    yield `${file}\n`
  }
}
