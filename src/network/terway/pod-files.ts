import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeRunFile } from '../../base/atomic-file.ts'
import type { Log } from '../../base/log.ts'
import type { PodIdentity } from '../pod-network.ts'
import type { PooledAddress } from './address-pool.ts'

/** A pod and its address, as kept in its file. */
export interface PodReservation extends PodIdentity, PooledAddress {}

/**
 * Which pod has which address: a file per pod, written before anybody uses the address. Files need not survive the
 * machine, since pods do not either.
 */
export class PodFiles {
  readonly #directory: string
  readonly #reservations = new Map<string, PodReservation>()

  constructor({ directory, log }: { readonly directory: string; readonly log: Log }) {
    this.#directory = directory
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const file of readdirSync(directory)) {
      if (!file.endsWith('.json')) continue
      const reservation = parseReservation(readFileSync(join(directory, file), 'utf8'))
      if (reservation !== undefined) this.#reservations.set(reservation.uid, reservation)
      else log.warn({ file }, 'Left out a reservation that cannot be read')
    }
  }

  get(uid: string): PodReservation | undefined {
    return this.#reservations.get(uid)
  }

  list(): PodReservation[] {
    return [...this.#reservations.values()]
  }

  put(reservation: PodReservation): void {
    writeRunFile(this.#path(reservation.uid), JSON.stringify(reservation))
    this.#reservations.set(reservation.uid, reservation)
  }

  delete(uid: string): void {
    rmSync(this.#path(uid), { force: true })
    this.#reservations.delete(uid)
  }

  #path(uid: string): string {
    return join(this.#directory, `${encodeURIComponent(uid)}.json`)
  }
}

function parseReservation(text: string): PodReservation | undefined {
  let value: Partial<Record<keyof PodReservation, unknown>> | null
  try {
    value = JSON.parse(text)
  } catch {
    // The machine went down before the content was on disk.
    return undefined
  }
  const { namespace, name, uid, address, interfaceId, macAddress } = value ?? {}
  const fields = { namespace, name, uid, address, interfaceId, macAddress }
  return Object.values(fields).every((field) => typeof field === 'string') ? (fields as PodReservation) : undefined
}
