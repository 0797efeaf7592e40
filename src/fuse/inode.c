/*
 * The table of inodes: a hash table with chains, which doubles when there are as many inodes
 * as chains. The hash of an inode is the number that stat(2) shows, which is a hash already.
 *
 * One lock guards the chains and the counts. It is held for a few memory accesses at a time
 * and never while a node's operation runs. A node is given back after it was released, for
 * that may do anything.
 *
 * An inode is kept as long as the kernel knows it *or* one of its children, because a child
 * is found by its parent's address and the kernel forgets in any order. So freeing one may
 * free its parents, one after the other.
 */
#include "inode.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dbsnapfs/util/err.h"
#include "dbsnapfs/util/hash.h"

#define ROOT_ID 1 /* FUSE_ROOT_ID */
#define FIRST_CHAINS 256

struct inode_table {
    struct inode root; /* never freed; its counts do not matter */
    pthread_mutex_t lock;
    struct inode **chains; /* protected by lock, as is what follows */
    size_t chain_count;    /* a power of two */
    size_t count;          /* inodes in chains */
};

int inode_table_new(struct node *root, struct inode_table **ret_table, struct err *err)
{
    struct inode_table *table = calloc(1, sizeof(*table));
    if (table)
        table->chains = calloc(FIRST_CHAINS, sizeof(struct inode *));
    if (!table || !table->chains) {
        free(table);
        return err_set(err, ENOMEM, "inodes: out of memory");
    }
    table->chain_count = FIRST_CHAINS;
    pthread_mutex_init(&table->lock, NULL);
    table->root.node = node_ref(root);
    table->root.number = ROOT_ID;
    table->root.kind = NODE_DIRECTORY;
    *ret_table = table;
    return 0;
}

static void inode_free(struct inode *inode)
{
    node_unref(inode->node);
    free(inode->name);
    free(inode);
}

void inode_table_free(struct inode_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->chain_count; i++) {
        struct inode *inode = table->chains[i];
        while (inode) {
            struct inode *next = inode->next;
            inode_free(inode);
            inode = next;
        }
    }
    node_unref(table->root.node);
    pthread_mutex_destroy(&table->lock);
    free(table->chains);
    free(table);
}

struct inode *inode_get(struct inode_table *table, uint64_t id)
{
    return id == ROOT_ID ? &table->root : (struct inode *)(uintptr_t)id;
}

uint64_t inode_id(const struct inode_table *table, const struct inode *inode)
{
    return inode == &table->root ? ROOT_ID : (uint64_t)(uintptr_t)inode;
}

const char *inode_path(const struct inode *inode, char *buffer, size_t size)
{
    size_t at = size - 1;
    buffer[at] = '\0';
    for (; inode && inode->parent; inode = inode->parent) {
        size_t len = strlen(inode->name);
        if (len + 1 > at)
            break;
        at -= len;
        memcpy(buffer + at, inode->name, len);
        buffer[--at] = '/';
    }
    return buffer + at;
}

uint64_t inode_number(uint64_t parent_number, const char *name)
{
    uint64_t number = hash_bytes(HASH_START, &parent_number, sizeof(parent_number));
    number = hash_bytes(number, name, strlen(name));
    return number > ROOT_ID ? number : number + 2;
}

static struct inode **chain_of(struct inode_table *table, uint64_t number)
{
    return &table->chains[number & (table->chain_count - 1)];
}

/* More chains; when there is no memory for them the old ones just get longer. */
static void table_grow(struct inode_table *table)
{
    size_t old_count = table->chain_count;
    struct inode **old = table->chains;
    struct inode **chains = calloc(old_count * 2, sizeof(struct inode *));
    if (!chains)
        return;
    table->chains = chains;
    table->chain_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        while (old[i]) {
            struct inode *inode = old[i];
            old[i] = inode->next;
            struct inode **chain = chain_of(table, inode->number);
            inode->next = *chain;
            *chain = inode;
        }
    }
    free(old);
}

/* The inode that stands for this name now, or NULL; another kind of node under the name
 * means that what had it before is gone. */
static struct inode *table_find(struct inode_table *table, const struct inode *parent,
                                const char *name, uint64_t number, enum node_kind kind)
{
    for (struct inode *inode = *chain_of(table, number); inode; inode = inode->next) {
        if (!inode->listed || inode->number != number || inode->parent != parent ||
            strcmp(inode->name, name) != 0)
            continue;
        if (inode->kind == kind)
            return inode;
        inode->listed = false;
    }
    return NULL;
}

static struct inode *inode_new(struct inode *parent, const char *name, enum node_kind kind,
                               struct node *node, bool listed)
{
    struct inode *fresh = calloc(1, sizeof(*fresh));
    char *copy = fresh ? strdup(name) : NULL;
    if (!copy) {
        free(fresh);
        return NULL;
    }
    *fresh = (struct inode){
        .node = node,
        .parent = parent,
        .number = inode_number(parent->number, name),
        .kind = kind,
        .name = copy,
        .listed = listed,
    };
    return fresh;
}

/* Puts a new inode into its chain; the caller holds the lock. */
static void table_link(struct inode_table *table, struct inode *inode)
{
    if (table->count >= table->chain_count)
        table_grow(table);
    struct inode **chain = chain_of(table, inode->number);
    inode->next = *chain;
    *chain = inode;
    table->count++;
    inode->parent->children++;
}

static int table_add(struct inode_table *table, struct inode *parent, const char *name,
                     enum node_kind kind, struct node *node, bool listed, struct inode **ret_inode,
                     struct err *err)
{
    struct inode *fresh = inode_new(parent, name, kind, node, listed);
    if (!fresh) {
        node_unref(node);
        return err_set(err, ENOMEM, "%s: out of memory", name);
    }

    pthread_mutex_lock(&table->lock);
    struct inode *inode = listed ? table_find(table, parent, name, fresh->number, kind) : NULL;
    if (!inode) {
        inode = fresh;
        fresh = NULL;
        table_link(table, inode);
    }
    inode->lookups++;
    pthread_mutex_unlock(&table->lock);

    if (fresh)
        inode_free(fresh);
    *ret_inode = inode;
    return 0;
}

int inode_remember(struct inode_table *table, struct inode *parent, const char *name,
                   enum node_kind kind, struct node *node, struct inode **ret_inode,
                   struct err *err)
{
    return table_add(table, parent, name, kind, node, true, ret_inode, err);
}

int inode_add(struct inode_table *table, struct inode *parent, const char *name,
              enum node_kind kind, struct node *node, struct inode **ret_inode, struct err *err)
{
    return table_add(table, parent, name, kind, node, false, ret_inode, err);
}

/* Takes an inode out of its chain; the caller holds the lock. */
static void table_unlink(struct inode_table *table, const struct inode *inode)
{
    struct inode **link = chain_of(table, inode->number);
    while (*link != inode)
        link = &(*link)->next;
    *link = inode->next;
    table->count--;
}

void inode_forget(struct inode_table *table, struct inode *inode, uint64_t count)
{
    struct inode *gone = NULL;

    pthread_mutex_lock(&table->lock);
    inode->lookups -= count < inode->lookups ? count : inode->lookups;
    while (inode != &table->root && inode->lookups == 0 && inode->children == 0) {
        struct inode *parent = inode->parent;
        table_unlink(table, inode);
        inode->next = gone;
        gone = inode;
        parent->children--;
        inode = parent;
    }
    pthread_mutex_unlock(&table->lock);

    while (gone) {
        struct inode *next = gone->next;
        inode_free(gone);
        gone = next;
    }
}

size_t inode_count(struct inode_table *table)
{
    pthread_mutex_lock(&table->lock);
    size_t count = table->count + 1;
    pthread_mutex_unlock(&table->lock);
    return count;
}
