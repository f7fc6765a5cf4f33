/** Upstream's alphabet for generated names: no vowels, no digits that look like letters, so that no words come about. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
const SUFFIX_LENGTH = 5
const NAME_MAX = 63

/**
 * Random text for the end of a name.
 *
 * @param random 0 <= x < 1
 */
export function randomSuffix(length = SUFFIX_LENGTH, random: () => number = Math.random): string {
  return Array.from({ length }, () => ALPHABET.charAt(Math.floor(random() * ALPHABET.length))).join('')
}

/** A name for `metadata.generateName`: the prefix, shortened so that the name fits a label, and five random characters. */
export function generateName(prefix: string, random?: () => number): string {
  return prefix.slice(0, NAME_MAX - SUFFIX_LENGTH) + randomSuffix(SUFFIX_LENGTH, random)
}

/** Text of any characters as letters that are safe in a name (apimachinery `rand.SafeEncodeString`). */
export function safeEncode(text: string): string {
  return Array.from(Buffer.from(text), (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('')
}

/** A short hash for a name or label such as `pod-template-hash`: FNV-1a of 32 bits in safe letters. */
export function nameHash(text: string): string {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return safeEncode(String(hash))
}
