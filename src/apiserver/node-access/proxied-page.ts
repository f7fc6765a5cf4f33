import { gunzipSync, inflateSync } from 'node:zlib'

/** Where pages lead to other places, by tag; as upstream's `proxy.Transport`. */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['formaction', 'src', 'usemap'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
}

/** A tag, with quoted values in which `>` may stand; or a comment, which is left alone. */
const TAG = /<!--[\s\S]*?-->|<([a-z][a-z0-9]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/gi
const ATTRIBUTE = /([a-z][\w:-]*)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/gi

type Headers = Readonly<Record<string, string | string[]>>

/** Whether an answer is a page whose links may have to be changed. */
export function isPage({ 'content-type': type, 'content-encoding': encoding }: Headers): boolean {
  const known = encoding === undefined || ['identity', 'gzip', 'deflate'].includes(String(encoding))
  return (
    known &&
    String(type ?? '')
      .split(';', 1)[0]
      ?.trim()
      .toLowerCase() === 'text/html'
  )
}

/** A page with its links changed, and the headers that go with it: it is sent as it is, without compression. */
export function proxiedPage(
  headers: Headers,
  body: Uint8Array,
  moved: (link: string) => string,
): { readonly headers: Headers; readonly body: Uint8Array } {
  const { 'content-encoding': encoding, 'content-length': _, etag: __, ...kept } = headers
  // Bytes are kept whatever the page's character set is: links are ASCII.
  const text = Buffer.from(decompressed(body, String(encoding ?? 'identity'))).toString('latin1')
  return { headers: kept, body: Buffer.from(withLinks(text, moved), 'latin1') }
}

function decompressed(body: Uint8Array, encoding: string): Uint8Array {
  if (encoding === 'gzip') return gunzipSync(body)
  return encoding === 'deflate' ? inflateSync(body) : body
}

/** The text of a page with every link replaced by what `moved` makes of it. */
export function withLinks(page: string, moved: (link: string) => string): string {
  return page.replace(TAG, (tag: string, name: string | undefined, attributes: string) => {
    const links = name === undefined ? undefined : LINKS[name.toLowerCase()]
    if (links === undefined) return tag
    const changed = attributes.replace(ATTRIBUTE, (whole: string, attribute: string, equals: string, value: string) => {
      if (!links.includes(attribute.toLowerCase())) return whole
      const quote = value.startsWith('"') || value.startsWith("'") ? value.slice(0, 1) : ''
      const link = quote === '' ? value : value.slice(1, -1)
      return `${attribute}${equals}${quote}${moved(link)}${quote}`
    })
    return `<${name}${changed}>`
  })
}
