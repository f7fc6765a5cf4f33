// `npm run up` and friends: set up what is missing, then run the command line in this same process.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, setUp } from './setup.mjs'

setUp()
await import(pathToFileURL(join(root, 'dist', 'fairlead.js')).href)
