// For tests and benches: a thread of the DNS server from source. tsx does not come along into threads by itself.
import { register } from 'tsx/esm/api'

register()
await import('../dns-worker-main.ts')
