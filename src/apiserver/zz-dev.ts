import { openTestBench } from '/work/main/src/apiserver/test-bench.ts'
import { createLog } from '/work/main/src/base/log.ts'

const b = await openTestBench({ log: createLog({ component: 'api' }) })
console.log(b.kubeconfig())
