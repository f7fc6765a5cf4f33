const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)
const PARTS: readonly (readonly [RegExp, string])[] = [
  [/__/g, '__underscores__'],
  [/\./g, '__dot__'],
  [/-/g, '__dash__'],
  [/\//g, '__slash__'],
]

/** The name a field has in CEL; `undefined` for what no expression can say (apiserver `cel.Escape`). */
export function celFieldName(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`
  const escaped = PARTS.reduce((text, [found, put]) => text.replace(found, put), name)
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(escaped) ? escaped : undefined
}
