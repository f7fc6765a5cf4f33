/**
 * YAML, to be imported when it is needed: `await import('../base/yaml.ts')`. A bundled dynamic import of the package
 * itself would have no names, since it is CommonJS.
 */
export { parse, parseAllDocuments, parseDocument, stringify } from 'yaml'
