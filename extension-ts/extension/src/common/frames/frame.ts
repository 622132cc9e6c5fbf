import { decode, encode } from '@msgpack/msgpack';

export type Encoding = 'json' | 'msgpack';

/** What a frame carries: JSON in a text, MessagePack in bytes. */
export type FrameData = string | Uint8Array<ArrayBuffer>;

/** A frame on its way to the server (`sent`) or from it. */
export interface Frame {
    readonly sent: boolean;
    readonly data: FrameData;
}

/** A request, or without an `id` a notification. */
export interface RequestMessage {
    readonly id?: number;
    readonly method: string;
    readonly params: object | undefined;
}

export function encodeFrame(message: RequestMessage, encoding: Encoding): FrameData {
    const whole = { jsonrpc: '2.0', ...message };
    return encoding === 'json' ? JSON.stringify(whole) : encode(whole, { ignoreUndefined: true }) as Uint8Array<ArrayBuffer>;
}

/** @throws Error if it is neither. */
export function decodeFrame(data: FrameData): unknown {
    return typeof data === 'string' ? JSON.parse(data) : decode(data);
}

/** In bytes, as sent. */
export function frameSize(data: FrameData): number {
    return typeof data === 'string' ? new TextEncoder().encode(data).byteLength : data.byteLength;
}
