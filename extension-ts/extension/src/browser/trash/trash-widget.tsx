import { ContextMenuRenderer } from '@theia/core/lib/browser/context-menu-renderer';
import { Key } from '@theia/core/lib/browser/keyboard/keys';
import { createTreeContainer } from '@theia/core/lib/browser/tree/tree-container';
import { TreeModel } from '@theia/core/lib/browser/tree/tree-model';
import { CompositeTreeNode, TreeNode } from '@theia/core/lib/browser/tree/tree';
import { SelectableTreeNode } from '@theia/core/lib/browser/tree/tree-selection';
import { NodeProps, TreeProps, TreeWidget } from '@theia/core/lib/browser/tree/tree-widget';
import { codicon } from '@theia/core/lib/browser/widgets/widget';
import { CommandService } from '@theia/core/lib/common/command';
import { nls } from '@theia/core/lib/common/nls';
import { Message } from '@theia/core/shared/@lumino/messaging';
import debounce = require('@theia/core/shared/lodash.debounce');
import { inject, injectable, interfaces, postConstruct } from '@theia/core/shared/inversify';
import * as React from '@theia/core/shared/react';
import { formatTime } from '../../common/format-time';
import { TrashItem } from '../../common/protocol.generated';
import { toUri } from '../files/file-paths';
import { TRASH_CONTEXT_MENU, TrashCommands } from './trash-commands';
import { TrashService } from './trash-service';

export interface TrashNode extends SelectableTreeNode {
    readonly item: TrashItem;
}

export namespace TrashNode {
    export function is(node: TreeNode | undefined): node is TrashNode {
        return !!node && 'item' in node;
    }
}

/** The trash as a list, a part of the explorer. */
@injectable()
export class TrashWidget extends TreeWidget {

    static readonly ID = 'theia-bridge-trash';

    static create(parent: interfaces.Container): TrashWidget {
        const props: Partial<TreeProps> = { contextMenuPath: TRASH_CONTEXT_MENU, multiSelect: true, search: true };
        return createTreeContainer(parent, { widget: TrashWidget, props }).get(TrashWidget);
    }

    @inject(TrashService)
    protected readonly trash: TrashService;

    @inject(CommandService)
    protected readonly commands: CommandService;

    /** The first change shows at once; of many at a time, the others together. */
    protected readonly refreshSoon = debounce(() => this.refresh(), 200, { leading: true });

    constructor(@inject(TreeProps) props: TreeProps, @inject(TreeModel) model: TreeModel, @inject(ContextMenuRenderer) menus: ContextMenuRenderer) {
        super(props, model, menus);
        this.id = TrashWidget.ID;
        this.title.label = nls.localize('theia-bridge/trash/title', 'Trash');
        this.title.caption = this.title.label;
        this.title.iconClass = codicon('trash');
        this.title.closable = false;
        this.addClass('theia-bridge-trash');
    }

    @postConstruct()
    protected override init(): void {
        super.init();
        this.toDispose.push(this.trash.onDidChange(() => this.refreshSoon()));
        this.toDispose.push(this.model.onOpenNode(node => this.run(TrashCommands.RESTORE.id, node)));
    }

    get selectedItems(): TrashItem[] {
        return this.model.selectedNodes.filter(TrashNode.is).map(({ item }) => item);
    }

    /** Nothing is asked for while nobody looks. */
    async refresh(): Promise<void> {
        if (!this.isVisible) {
            return;
        }
        try {
            this.setItems(await this.trash.list());
        } catch {
            // Offline; there is another change or another look to come.
        }
    }

    protected setItems(items: TrashItem[]): void {
        const selected = new Set(this.model.selectedNodes.map(({ id }) => id));
        const root: CompositeTreeNode = { id: 'theia-bridge-trash-root', parent: undefined, visible: false, children: [] };
        root.children = items.map((item): TrashNode => ({
            id: item.id, name: toUri(item.path).path.base, parent: root, selected: false, visible: true, item
        }));
        this.model.root = root;
        for (const node of root.children as TrashNode[]) {
            if (selected.has(node.id)) {
                this.model.addSelection(node);
            }
        }
        this.update();
    }

    protected override onAfterShow(message: Message): void {
        super.onAfterShow(message);
        this.refresh();
    }

    protected override onAfterAttach(message: Message): void {
        super.onAfterAttach(message);
        this.addKeyListener(this.node, Key.DELETE, () => this.run(TrashCommands.DELETE.id));
        this.refresh();
    }

    protected run(command: string, node?: TreeNode): void {
        this.commands.executeCommand(command, TrashNode.is(node) ? [node.item] : this.selectedItems);
    }

    protected override toContextMenuArgs(): unknown[] {
        return [this.selectedItems];
    }

    protected override renderTree(model: TreeModel): React.ReactNode {
        return CompositeTreeNode.is(model.root) && model.root.children.length
            ? super.renderTree(model)
            : <div className='theia-widget-noInfo'>{nls.localize('theia-bridge/trash/empty', 'The trash is empty.')}</div>;
    }

    protected override renderIcon(node: TreeNode): React.ReactNode {
        if (!TrashNode.is(node)) {
            return undefined;
        }
        const icon = node.item.type === 'directory' ? this.labelProvider.folderIcon : this.labelProvider.getIcon(toUri(node.item.path));
        return <div className={`${icon} file-icon`}></div>;
    }

    protected override createNodeAttributes(node: TreeNode, props: NodeProps): React.Attributes & React.HTMLAttributes<HTMLElement> {
        const title = TrashNode.is(node) ? `${node.item.path}\n${new Date(node.item.deletedAt).toLocaleString()}` : undefined;
        return { ...super.createNodeAttributes(node, props), title };
    }

    protected override renderTailDecorations(node: TreeNode): React.ReactNode {
        if (!TrashNode.is(node)) {
            return undefined;
        }
        return <React.Fragment>
            <span className='theia-bridge-trash-when'>{formatTime(node.item.deletedAt)}</span>
            <span className='theia-bridge-trash-actions'>
                {this.renderAction(node, TrashCommands.RESTORE.id, 'discard', nls.localizeByDefault('Restore'))}
                {this.renderAction(node, TrashCommands.DELETE.id, 'trash', nls.localizeByDefault('Delete Permanently'))}
            </span>
        </React.Fragment>;
    }

    protected renderAction(node: TrashNode, command: string, icon: string, title: string): React.ReactNode {
        const run = (event: React.MouseEvent): void => {
            event.stopPropagation();
            this.run(command, node);
        };
        return <a className={codicon(icon, true)} title={title} role='button' aria-label={title} onClick={run}></a>;
    }
}
