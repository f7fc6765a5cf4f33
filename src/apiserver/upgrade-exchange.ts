import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { answer, type ExchangeOptions } from './http-exchange.ts'
import { sendResponse } from './send-response.ts'

/** Answers a request that wants to change the connection's protocol: lets it, or answers as any other and ends. */
export async function exchangeUpgrade(
  options: ExchangeOptions,
  message: IncomingMessage,
  socket: Duplex,
): Promise<void> {
  const ended = new AbortController()
  socket.once('close', () => ended.abort())
  socket.on('error', (error) => options.log.debug({ err: error, url: message.url }, 'A connection failed'))
  const response = new ServerResponse(message)
  try {
    const answered = await answer(options, { message, signal: ended.signal })
    if (ended.signal.aborted) return
    response.assignSocket(socket as TLSSocket)
    if (answered.takeOver === undefined) {
      response.shouldKeepAlive = false
      // The server looks after connections of its own only, and this one it has given up.
      socket.on('drain', () => response.emit('drain'))
      await sendResponse(answered, response, options.clock)
      socket.end()
      return
    }
    response.writeHead(answered.status, answered.headers)
    response.flushHeaders()
    response.detachSocket(socket as TLSSocket)
    answered.takeOver(socket)
  } catch (error) {
    if (!ended.signal.aborted) options.log.warn({ err: error, url: message.url }, 'A connection could not be handed on')
    socket.destroy()
  }
}
