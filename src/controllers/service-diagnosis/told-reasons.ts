import type { Complaint } from './complaints.ts'

/** After how long a reason is told again; the time doubles. Events are kept for an hour: what lasts stays in sight. */
const FIRST_REPEAT_MS = 60_000
const LAST_REPEAT_MS = 40 * 60_000

interface Told {
  readonly message: string
  readonly at: number
  readonly repeatMs: number
}

/** What was told of one Service, and when it is to be told again: each reason once, and rarely after that. */
export class ToldReasons {
  readonly #told = new Map<string, Told>()
  #hasWarned = false

  /** Whether people have been warned since this began. */
  get hasWarned(): boolean {
    return this.#hasWarned
  }

  /** The complaints that are to be told now; they count as told. Reasons that are over are forgotten. */
  due(complaints: readonly Complaint[], now: number): readonly Complaint[] {
    for (const reason of this.#told.keys()) {
      if (!complaints.some((complaint) => complaint.reason === reason)) this.#told.delete(reason)
    }
    const due = complaints.filter((complaint) => this.#dueAt(complaint) <= now)
    for (const { type, reason, message } of due) {
      const { repeatMs = FIRST_REPEAT_MS / 2 } = this.#told.get(reason) ?? {}
      this.#told.set(reason, { message, at: now, repeatMs: Math.min(repeatMs * 2, LAST_REPEAT_MS) })
      if (type === 'Warning') this.#hasWarned = true
    }
    return due
  }

  /** What was told of a reason last; undefined while it has not been, or was over since. */
  messageOf(reason: string): string | undefined {
    return this.#told.get(reason)?.message
  }

  /** When the Service is to be looked at again although nothing has happened, in milliseconds since the epoch. */
  nextLook(complaints: readonly Complaint[], now: number): number {
    return Math.min(now + LAST_REPEAT_MS, ...complaints.map((complaint) => this.#dueAt(complaint)))
  }

  /** Another text for the same reason (another pod, another container) has waited for a minute at least. */
  #dueAt({ reason, message, notBefore }: Complaint): number {
    const told = this.#told.get(reason)
    if (told === undefined) return notBefore
    return told.at + (told.message === message ? told.repeatMs : Math.min(told.repeatMs, FIRST_REPEAT_MS))
  }
}
