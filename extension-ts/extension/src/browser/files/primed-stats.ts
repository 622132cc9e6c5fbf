import { Stat } from '../../common/protocol.generated';

/**
 * The stats that came with a folder's listing.
 *
 * Theia lists a folder by its names and then asks for the stat of each child, right after. The listing brought these
 * stats along, so they answer those questions: one request for a folder of any size. Each answers once, and all are
 * forgotten when control returns to the event loop, before anything newer could have arrived: no stat is ever older
 * than the listing it came with.
 */
export class PrimedStats {

    protected readonly stats = new Map<string, Stat>();
    protected forgetting: ReturnType<typeof setTimeout> | undefined;

    prime(folder: string, entries: readonly { name: string, stat: Stat }[]): void {
        const prefix = folder.endsWith('/') ? folder : `${folder}/`;
        for (const { name, stat } of entries) {
            this.stats.set(prefix + name, stat);
        }
        this.forgetting ??= setTimeout(() => this.forget(), 0);
    }

    take(path: string): Stat | undefined {
        const stat = this.stats.get(path);
        this.stats.delete(path);
        return stat;
    }

    /** Called for every change, our own ones included. */
    forget(): void {
        clearTimeout(this.forgetting);
        this.forgetting = undefined;
        this.stats.clear();
    }
}
