import { Emitter, Event } from '@theia/core/lib/common/event';
import { FrameRecord } from '../../common/frames/frame-recorder';

/** So many frames are kept, the newest ones. */
export const MAX_RECORDS = 500;

/** A record, and which one it is in the order they came. */
export interface LogEntry {
    readonly sequence: number;
    readonly record: FrameRecord;
    /** Which of several windows it is of. */
    readonly source?: string;
}

/** The newest frames of a connection, or of several. */
export class FrameLog {

    protected kept: LogEntry[] = [];
    protected sequence = 0;
    protected readonly onDidAddEmitter = new Emitter<LogEntry>();
    readonly onDidAdd: Event<LogEntry> = this.onDidAddEmitter.event;
    protected readonly onDidClearEmitter = new Emitter<void>();
    readonly onDidClear: Event<void> = this.onDidClearEmitter.event;

    get entries(): readonly LogEntry[] {
        return this.kept;
    }

    add(record: FrameRecord, source?: string): void {
        const entry = { sequence: ++this.sequence, record, source };
        this.kept.push(entry);
        if (this.kept.length > MAX_RECORDS) {
            this.kept.shift();
        }
        this.onDidAddEmitter.fire(entry);
    }

    /** The answer, if it has come and is kept yet. */
    answerTo(id: number): FrameRecord | undefined {
        return this.kept.findLast(({ record }) => !record.sent && record.id === id)?.record;
    }

    clear(): void {
        this.kept = [];
        this.onDidClearEmitter.fire();
    }
}
