import { Duplex } from 'node:stream';
import { Disposable } from '@theia/core/lib/common/disposable';
import { Caller } from './token-verifier';

interface Lease {
    expiresAt: number;
    timer?: NodeJS.Timeout;
    readonly sockets: Set<Duplex>;
}

/** Sockets, each open for as long as the access token stands by which it was opened, or a newer one of the same sign-in and session. */
export class Leases implements Disposable {

    protected readonly leases = new Map<string, Lease>();

    /** Closes a socket when the caller's access ends. */
    hold(caller: Caller, socket: Duplex): void {
        const key = this.keyOf(caller);
        const lease = this.leases.get(key) ?? { expiresAt: 0, sockets: new Set() };
        this.leases.set(key, lease);
        lease.sockets.add(socket);
        socket.once('close', () => {
            lease.sockets.delete(socket);
            if (!lease.sockets.size) {
                clearTimeout(lease.timer);
                this.leases.delete(key);
            }
        });
        this.renew(caller);
    }

    /** A newer token of the same sign-in and session keeps its sockets open. */
    renew(caller: Caller): void {
        const lease = this.leases.get(this.keyOf(caller));
        if (lease && lease.expiresAt < caller.expiresAt) {
            lease.expiresAt = caller.expiresAt;
            clearTimeout(lease.timer);
            lease.timer = setTimeout(() => this.close(lease), caller.expiresAt - Date.now());
        }
    }

    /** The caller has signed out. */
    end(caller: Caller): void {
        const lease = this.leases.get(this.keyOf(caller));
        if (lease) {
            this.close(lease);
        }
    }

    dispose(): void {
        this.leases.forEach(lease => this.close(lease));
    }

    protected close({ sockets }: Lease): void {
        sockets.forEach(socket => socket.destroy());
    }

    protected keyOf({ family, session }: Caller): string {
        return `${family} ${session}`;
    }
}
