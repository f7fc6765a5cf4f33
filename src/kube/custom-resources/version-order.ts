const VERSION = /^v(\d+)(?:(alpha|beta)(\d+))?$/
const STAGES: Readonly<Record<string, number>> = { alpha: 0, beta: 1 }

/**
 * Orders API versions as discovery lists them, the preferred one first: stable before beta before alpha, higher before
 * lower, then all other names by the alphabet (apimachinery `version.CompareKubeAwareVersionStrings`).
 */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [rankOf(left), rankOf(right)]
  if (a === undefined || b === undefined) {
    if (a === undefined && b === undefined) return left < right ? -1 : left > right ? 1 : 0
    return a === undefined ? 1 : -1
  }
  for (const [index, value] of a.entries()) {
    const difference = (b[index] ?? 0) - value
    if (difference !== 0) return difference
  }
  return 0
}

function rankOf(version: string): readonly number[] | undefined {
  const match = VERSION.exec(version)
  if (match === null) return undefined
  return [match[2] === undefined ? 2 : (STAGES[match[2]] ?? 0), Number(match[1]), Number(match[3] ?? 0)]
}
