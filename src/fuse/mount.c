/*
 * A mount's life: checks, background, start hook, mount, loop, stop hook, unmount.
 *
 * The mount is announced by a helper thread that looks at it as any program would, because
 * only then has the kernel taken the reply to INIT: from that moment on it works, and the
 * read-ahead that INIT set can be raised.
 *
 * Unmounting is lazy, as libfuse does it: the name is gone at once, requests that are being
 * served are answered, and programs that hold files open get ENOTCONN afterwards. So a busy
 * mount cannot keep the daemon from ending.
 */
#include "mount.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "dbsnapfs/util/probe.h"

#define MAX_THREADS 64      /* a command that is being run keeps one */
#define MAX_IDLE_THREADS 10 /* the others end when there is nothing to do */
#define INODES 50000        /* that are not too many, at 250 bytes each */
#define INODES_FEW 1000

struct announcement {
    struct mount *mount;
    struct background *background;
    pthread_t thread;
};

void mount_stop(struct mount *mount)
{
    if (atomic_exchange(&mount->stopped, true))
        return;
    interrupt_all(&mount->interrupts);
    if (mount->hooks->stop)
        mount->hooks->stop(mount->hooks->arg);
}

/* The options of one -o word each; fsname is the only one that may hold anything. */
static int mount_arguments(const struct mount_config *config, struct fuse_args *args,
                           struct err *err)
{
    char *name = NULL, *options = NULL;
    int r = fuse_opt_add_arg(args, "dbsnapfs");
    if (asprintf(&name, "fsname=%s", config->source) < 0)
        name = NULL;
    if (!name)
        r = -1;
    if (r == 0)
        r = fuse_opt_add_opt(&options, "subtype=dbsnapfs,default_permissions");
    if (r == 0)
        r = fuse_opt_add_opt_escaped(&options, name);
    if (r == 0 && config->allow_other)
        r = fuse_opt_add_opt(&options, "allow_other");
    if (r == 0 && config->read_only)
        r = fuse_opt_add_opt(&options, "ro");
    if (r == 0 && config->fuse_options && *config->fuse_options)
        r = fuse_opt_add_opt(&options, config->fuse_options);
    if (r == 0)
        r = fuse_opt_add_arg(args, "-o");
    if (r == 0)
        r = fuse_opt_add_arg(args, options);
    if (r == 0 && config->debug)
        r = fuse_opt_add_arg(args, "-d");
    free(options);
    free(name);
    return r == 0 ? 0 : err_set(err, ENOMEM, "mount options: out of memory");
}

static void *announce(void *arg)
{
    struct announcement *word = arg;
    struct mount *mount = word->mount;
    struct err err = ERR_INIT;
    int r = mount_point_answers(mount->config->mount_point, &err);
    if (background_say(word->background, r < 0 ? &err : NULL) < 0 || r < 0)
        kill(getpid(), SIGTERM);
    return NULL;
}

static int mount_loop(struct mount *mount, struct background *background, struct err *err)
{
    struct announcement word = {.mount = mount, .background = background};
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (!config)
        return err_set(err, ENOMEM, "mount: out of memory");
    fuse_loop_cfg_set_max_threads(config, MAX_THREADS);
    fuse_loop_cfg_set_idle_threads(config, MAX_IDLE_THREADS);

    atomic_store(&mount->serving, true);
    int r = pthread_create(&word.thread, NULL, announce, &word);
    if (r != 0) {
        fuse_loop_cfg_destroy(config);
        return err_sys(err, r, "mount: thread");
    }
    r = fuse_session_loop_mt(mount->session, config);
    atomic_store(&mount->loop_end, true);
    fuse_loop_cfg_destroy(config);
    pthread_join(word.thread, NULL);
    if (r < 0)
        return err_sys(err, -r, "%s: the connection to the kernel broke",
                       mount->config->mount_point);
    return 0;
}

/* How many inodes are not too many; probes make a short walk a long one. */
static size_t inode_bound(void)
{
    bool few = probe_is_armed("few-inodes") || probe_is_armed("few-inodes-by-name");
    return few ? INODES_FEW : INODES;
}

static int mount_run(struct mount *mount, struct background *background, struct err *err)
{
    const struct mount_hooks *hooks = mount->hooks;
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    struct node *root = NULL;
    bool mounted = false;

    int r = hooks->start(hooks->arg, &root, err);
    if (r < 0)
        goto out;
    r = inode_table_new(root, inode_bound(), &mount->inodes, err);
    if (r < 0)
        goto out;
    r = mount_arguments(mount->config, &args, err);
    if (r < 0)
        goto out;
    r = mount_session(mount, &args, err);
    if (r < 0)
        goto out;
    mounted = true;
    r = pruner_start(mount, &mount->pruner, err);
    if (r < 0)
        goto out;
    r = mount_loop(mount, background, err);
out:
    atomic_store(&mount->loop_end, true);
    if (root)
        mount_stop(mount);
    /* Its thread may be in the stop hook or about to end the session; wait for it. From here
     * on a second signal ends the process. */
    signals_end(mount->signals);
    mount->signals = NULL;
    pruner_end(mount->pruner);
    if (mounted)
        fuse_session_unmount(mount->session);
    if (mount->session)
        fuse_session_destroy(mount->session);
    fuse_opt_free_args(&args);
    files_release(&mount->files);
    inode_table_free(mount->inodes);
    node_unref(root);
    return r;
}

/* In the process that serves. */
static int mount_process(const struct mount_config *config, const struct mount_hooks *hooks,
                         struct background *background, struct err *err)
{
    struct mount mount = {.config = config, .hooks = hooks};

    openlog("dbsnapfs", LOG_PID, LOG_DAEMON);
    buffers_init(&mount.buffers, MOUNT_REQUEST_BYTES);
    interrupt_list_init(&mount.interrupts);
    files_init(&mount.files);
    report_init(&mount.report, config->foreground);
    int r = signals_start(&mount, &mount.signals, err);
    if (r == 0)
        r = mount_run(&mount, background, err);
    report_release(&mount.report);
    interrupt_list_release(&mount.interrupts);
    buffers_release(&mount.buffers);
    return r;
}

int mount_serve(const struct mount_config *config, const struct mount_hooks *hooks, struct err *err)
{
    struct background background = {.ready_fd = -1};
    struct err own = ERR_INIT;
    bool daemon = false;

    int r = mount_point_check(config->mount_point, err);
    if (r < 0)
        return r;
    r = mount_device_check(err);
    if (r < 0)
        return r;
    if (config->foreground)
        return mount_process(config, hooks, &background, err);

    r = background_fork(&background, &daemon, err);
    if (!daemon)
        return r;
    r = mount_process(config, hooks, &background, &own);
    if (r < 0 && background.ready_fd < 0)
        syslog(LOG_DAEMON | LOG_ERR, "%s", own.text);
    background_say(&background, r < 0 ? &own : NULL);
    exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
