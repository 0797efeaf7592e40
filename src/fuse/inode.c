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
 * free its parents, one after the other. A child is one of the things that pin an inode.
 *
 * What nothing pins is in an order, a ring that the root closes: behind it the one that was last
 * used the longest ago, before it the youngest. A directory enters it when its last child goes, and
 * as the oldest, having been looked up before any of them.
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
#define SURPLUS_PART 16 /* of the inodes: how many new ones make it worth while to ask again */

struct inode_table {
    struct inode root; /* never freed; its counts do not matter */
    size_t bound;      /* fixed */
    pthread_mutex_t lock;
    pthread_cond_t grown;  /* there is a surplus, or the end */
    struct inode **chains; /* protected by lock, as is what follows */
    size_t chain_count;    /* a power of two */
    size_t count;          /* inodes in chains */
    size_t idle_count;     /* inodes in the order */
    size_t fresh_count;    /* inodes made since a surplus was last told */
    bool ending;           /* nobody is to wait for a surplus */
};

int inode_table_new(struct node *root, size_t bound, struct inode_table **ret_table,
                    struct err *err)
{
    struct inode_table *table = calloc(1, sizeof(*table));
    if (table)
        table->chains = calloc(FIRST_CHAINS, sizeof(struct inode *));
    if (!table || !table->chains) {
        free(table);
        return err_set(err, ENOMEM, "inodes: out of memory");
    }
    table->chain_count = FIRST_CHAINS;
    table->bound = bound;
    pthread_mutex_init(&table->lock, NULL);
    pthread_cond_init(&table->grown, NULL);
    table->root.older = table->root.younger = &table->root;
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
    pthread_cond_destroy(&table->grown);
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

/* Into the order, before `next`; the caller holds the lock, as for what follows. */
static void order_enter(struct inode_table *table, struct inode *inode, struct inode *next)
{
    inode->younger = next;
    inode->older = next->older;
    next->older->younger = inode;
    next->older = inode;
    table->idle_count++;
}

static void order_leave(struct inode_table *table, struct inode *inode)
{
    if (!inode->younger)
        return;
    inode->older->younger = inode->younger;
    inode->younger->older = inode->older;
    inode->older = inode->younger = NULL;
    table->idle_count--;
}

/* It is used now: unless something pins it, it is the youngest. */
static void order_use(struct inode_table *table, struct inode *inode)
{
    order_leave(table, inode);
    if (inode->pins == 0 && inode->lookups > 0)
        order_enter(table, inode, &table->root);
}

static void order_pin(struct inode_table *table, struct inode *inode)
{
    if (inode == &table->root)
        return;
    inode->pins++;
    order_leave(table, inode);
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
 * means that what had it before is gone, and one that stands for an open file has lost its name. */
static struct inode *table_find(struct inode_table *table, const struct inode *parent,
                                const char *name, uint64_t number, enum node_kind kind)
{
    for (struct inode *inode = *chain_of(table, number); inode; inode = inode->next) {
        if (!inode->listed || inode->number != number || inode->parent != parent ||
            strcmp(inode->name, name) != 0)
            continue;
        if (inode->kind == kind && inode->states == 0)
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
    table->fresh_count++;
    order_pin(table, inode->parent);
}

static bool table_has_surplus(const struct inode_table *table)
{
    return table->count > table->bound && table->fresh_count > table->count / SURPLUS_PART;
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
    order_use(table, inode);
    if (table_has_surplus(table))
        pthread_cond_signal(&table->grown);
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

/* Takes an inode that neither the kernel nor a pin keeps out of the table, and its parents with it
 * that only it has kept; puts them before `gone`. */
static struct inode *table_reap(struct inode_table *table, struct inode *inode, struct inode *gone)
{
    while (inode != &table->root && inode->lookups == 0 && inode->pins == 0) {
        struct inode *parent = inode->parent;
        order_leave(table, inode);
        table_unlink(table, inode);
        inode->next = gone;
        gone = inode;
        inode = parent;
        if (inode != &table->root && --inode->pins == 0 && inode->lookups > 0)
            order_enter(table, inode, table->root.younger);
    }
    return gone;
}

static void inodes_free(struct inode *gone)
{
    while (gone) {
        struct inode *next = gone->next;
        inode_free(gone);
        gone = next;
    }
}

void inode_forget(struct inode_table *table, struct inode *inode, uint64_t count)
{
    pthread_mutex_lock(&table->lock);
    inode->lookups -= count < inode->lookups ? count : inode->lookups;
    struct inode *gone = table_reap(table, inode, NULL);
    pthread_mutex_unlock(&table->lock);
    inodes_free(gone);
}

void inode_pin(struct inode_table *table, struct inode *inode)
{
    pthread_mutex_lock(&table->lock);
    order_pin(table, inode);
    pthread_mutex_unlock(&table->lock);
}

void inode_unpin(struct inode_table *table, struct inode *inode)
{
    inode_put_back(table, &inode, 1);
}

void inode_state_begin(struct inode_table *table, struct inode *inode)
{
    pthread_mutex_lock(&table->lock);
    inode->states++;
    pthread_mutex_unlock(&table->lock);
}

void inode_state_end(struct inode_table *table, struct inode *inode)
{
    pthread_mutex_lock(&table->lock);
    inode->states--;
    pthread_mutex_unlock(&table->lock);
}

bool inode_is_listed(struct inode_table *table, struct inode *inode)
{
    pthread_mutex_lock(&table->lock);
    bool listed = inode->listed;
    pthread_mutex_unlock(&table->lock);
    return listed;
}

/* As many as are over the bound, and room for those that come until it is asked again. */
static size_t table_surplus(struct inode_table *table)
{
    if (!table_has_surplus(table))
        return 0;
    size_t surplus = table->count - table->bound + table->bound / SURPLUS_PART;
    table->fresh_count = 0;
    return surplus < table->idle_count ? surplus : table->idle_count;
}

size_t inode_surplus(struct inode_table *table)
{
    pthread_mutex_lock(&table->lock);
    size_t surplus = table_surplus(table);
    pthread_mutex_unlock(&table->lock);
    return surplus;
}

size_t inode_surplus_wait(struct inode_table *table)
{
    size_t surplus = 0;
    pthread_mutex_lock(&table->lock);
    while (!table->ending && (surplus = table_surplus(table)) == 0)
        pthread_cond_wait(&table->grown, &table->lock);
    if (table->ending)
        surplus = 0;
    pthread_mutex_unlock(&table->lock);
    return surplus;
}

void inode_surplus_end(struct inode_table *table)
{
    pthread_mutex_lock(&table->lock);
    table->ending = true;
    pthread_cond_broadcast(&table->grown);
    pthread_mutex_unlock(&table->lock);
}

size_t inode_take_oldest(struct inode_table *table, struct inode **ret_inodes, size_t room)
{
    size_t count = 0;
    pthread_mutex_lock(&table->lock);
    while (count < room && table->root.younger != &table->root) {
        struct inode *inode = table->root.younger;
        order_pin(table, inode);
        ret_inodes[count++] = inode;
    }
    pthread_mutex_unlock(&table->lock);
    return count;
}

void inode_put_back(struct inode_table *table, struct inode *const *inodes, size_t count)
{
    struct inode *gone = NULL;
    pthread_mutex_lock(&table->lock);
    for (size_t i = 0; i < count; i++) {
        struct inode *inode = inodes[i];
        if (inode == &table->root)
            continue;
        inode->pins--;
        order_use(table, inode);
        gone = table_reap(table, inode, gone);
    }
    pthread_mutex_unlock(&table->lock);
    inodes_free(gone);
}

size_t inode_count(struct inode_table *table)
{
    pthread_mutex_lock(&table->lock);
    size_t count = table->count + 1;
    pthread_mutex_unlock(&table->lock);
    return count;
}
