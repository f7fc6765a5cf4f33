type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** Headers that are about one connection only (RFC 9110, 7.6.1), and what shows who the client is. */
const NOT_HANDED_ON = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'authorization',
  'host',
  // Answered by the server that reads the body.
  'expect',
])

/** The headers of a request or an answer that are for whoever is at the other end. */
export function endToEndHeaders(headers: Headers): Record<string, string | string[]> {
  const named = String(headers.connection ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
  const kept = Object.entries(headers).flatMap(([name, value]): [string, string | string[]][] => {
    if (value === undefined || NOT_HANDED_ON.has(name) || named.includes(name)) return []
    return [[name, typeof value === 'string' ? value : [...value]]]
  })
  return Object.fromEntries(kept)
}

/** The headers that ask for another protocol, or agree to it. */
export function upgradeHeaders({ upgrade }: Headers): Record<string, string> {
  return upgrade === undefined ? {} : { connection: 'Upgrade', upgrade: String(upgrade) }
}
