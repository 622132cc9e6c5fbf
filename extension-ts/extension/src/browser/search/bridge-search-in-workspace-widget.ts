import { Message } from '@theia/core/shared/@lumino/messaging';
import { injectable } from '@theia/core/shared/inversify';
import { SearchInWorkspaceWidget } from '@theia/search-in-workspace/lib/browser/search-in-workspace-widget';

/** The fields whose earlier values are kept, by the names of Theia's state. */
const FIELDS = {
    searchHistoryState: 'searchRef',
    replaceHistoryState: 'replaceRef',
    includeHistoryState: 'includeRef',
    excludeHistoryState: 'excludeRef'
} as const;

type Histories = { [name in keyof typeof FIELDS]?: { readonly history: string[], readonly index: number } };

/** Theia gives the fields what was looked for before as soon as the view is made, when they are not there yet. */
@injectable()
export class BridgeSearchInWorkspaceWidget extends SearchInWorkspaceWidget {

    /** Those of fields that are yet to be shown. */
    protected histories: Histories = {};

    override storeState(): object {
        const state = super.storeState() as Histories;
        return { ...state, ...Object.fromEntries(this.names.map(name => [name, state[name] ?? this.histories[name]])) };
    }

    override restoreState(state: object): void {
        super.restoreState(state);
        this.histories = Object.fromEntries(this.names.map(name => [name, (state as Histories)[name]]));
    }

    protected override onAfterAttach(message: Message): void {
        super.onAfterAttach(message);
        this.restoreHistories();
    }

    protected override onUpdateRequest(message: Message): void {
        super.onUpdateRequest(message);
        this.restoreHistories();
    }

    protected get names(): (keyof Histories)[] {
        return Object.keys(FIELDS) as (keyof Histories)[];
    }

    protected restoreHistories(): void {
        if (this.names.some(name => this.histories[name])) {
            // React shows the fields in a moment.
            requestAnimationFrame(() => {
                for (const name of this.names) {
                    const field = this[FIELDS[name]].current;
                    const history = this.histories[name];
                    if (field && history) {
                        field.setState(history);
                        this.histories = { ...this.histories, [name]: undefined };
                    }
                }
                if (this.isAttached && !this['searchRef'].current) {
                    this.restoreHistories();
                }
            });
        }
    }
}
