/** For a test: opens a watch point in the namespace given, says so, and waits to be killed. */
import { WatchPoint } from './watch-point.ts'

const point = new WatchPoint({ kind: 'vpc' }, process.argv[2] ?? '', { number: 1, protocol: 6 })
process.stdout.write('open\n')
setInterval(() => point.events(), 1000)
