// The peer of the conformance tests: containerd's ttrpc library as server and client of the Echo service in
// protos/echo.proto. The messages are well-known types, so no code is generated.
//
//	go-peer serve SOCKET   prints "ready" and serves until the end of stdin
//	go-peer call SOCKET    makes every call and prints one line "name: outcome" for each
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const service = "ttrpc.test.Echo"

func main() {
	if len(os.Args) != 3 {
		fail(errors.New("usage: go-peer serve|call SOCKET"))
	}
	run := map[string]func(string) error{"serve": serve, "call": call}[os.Args[1]]
	if err := run(os.Args[2]); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "go-peer:", err)
	os.Exit(1)
}

func detailed() error {
	st, err := status.New(codes.FailedPrecondition, "as asked").WithDetails(wrapperspb.String("detail"))
	if err != nil {
		return err
	}
	return st.Err()
}

func serve(path string) error {
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	server.RegisterService(service, &ttrpc.ServiceDesc{
		Methods: map[string]ttrpc.Method{"Say": say, "Fill": fill, "Nothing": nothing},
		Streams: map[string]ttrpc.Stream{
			"Join":  {Handler: join, StreamingClient: true},
			"Split": {Handler: split, StreamingServer: true},
			"Chat":  {Handler: chat, StreamingClient: true, StreamingServer: true},
		},
	})
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	go func() {
		// The test holds our stdin open; when the test ends, the server ends too.
		io.Copy(io.Discard, os.Stdin)
		server.Close()
	}()
	fmt.Println("ready")
	if err := server.Serve(context.Background(), listener); !errors.Is(err, ttrpc.ErrServerClosed) {
		return err
	}
	return nil
}

func say(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
	var request wrapperspb.StringValue
	if err := unmarshal(&request); err != nil {
		return nil, err
	}
	switch {
	case request.Value == "fail":
		return nil, detailed()
	case request.Value == "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case strings.HasPrefix(request.Value, "meta "):
		md, _ := ttrpc.GetMetadata(ctx)
		values, _ := md.Get(strings.TrimPrefix(request.Value, "meta "))
		return wrapperspb.String(strings.Join(values, ",")), nil
	}
	return &request, nil
}

func fill(_ context.Context, unmarshal func(interface{}) error) (interface{}, error) {
	var request wrapperspb.Int32Value
	if err := unmarshal(&request); err != nil {
		return nil, err
	}
	return wrapperspb.Bytes(make([]byte, request.Value)), nil
}

func nothing(_ context.Context, unmarshal func(interface{}) error) (interface{}, error) {
	var request emptypb.Empty
	return &request, unmarshal(&request)
}

func join(_ context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	joined := ""
	for {
		var part wrapperspb.StringValue
		if err := stream.RecvMsg(&part); errors.Is(err, io.EOF) {
			return wrapperspb.String(joined), nil
		} else if err != nil {
			return nil, err
		}
		joined += part.Value
	}
}

func split(_ context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	var request wrapperspb.StringValue
	if err := stream.RecvMsg(&request); err != nil {
		return nil, err
	}
	for _, c := range request.Value {
		if c == '!' {
			return nil, detailed()
		}
		if err := stream.SendMsg(wrapperspb.String(string(c))); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func chat(_ context.Context, stream ttrpc.StreamServer) (interface{}, error) {
	for {
		var part wrapperspb.StringValue
		if err := stream.RecvMsg(&part); errors.Is(err, io.EOF) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		if part.Value == "!" {
			return nil, detailed()
		}
		if err := stream.SendMsg(&part); err != nil {
			return nil, err
		}
	}
}

func call(path string) error {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	client := ttrpc.NewClient(conn)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	callSay := func(ctx context.Context, name, text string) {
		var answer wrapperspb.StringValue
		err := client.Call(ctx, service, "Say", wrapperspb.String(text), &answer)
		report(name, answer.Value, err)
	}

	callSay(ctx, "say", "hello")
	callSay(ctx, "say nothing", "")
	callSay(ctx, "fail", "fail")
	callSay(ttrpc.WithMetadata(ctx, ttrpc.MD{"key": {"one", "two"}}), "metadata", "meta key")

	short, cancelShort := context.WithTimeout(ctx, 50*time.Millisecond)
	callSay(short, "deadline", "wait")
	cancelShort()
	callSay(ctx, "after the deadline", "still here")

	var long wrapperspb.StringValue
	err = client.Call(ctx, service, "Say", wrapperspb.String(strings.Repeat("x", 5<<20)), &long)
	report("oversized", "", err)
	callSay(ctx, "after the oversized", "still here")

	err = client.Call(ctx, service, "Sing", wrapperspb.String(""), &long)
	report("unknown method", "", err)
	err = client.Call(ctx, "no.Such", "Say", wrapperspb.String(""), &long)
	report("unknown service", "", err)

	text, err := streamJoin(ctx, client)
	report("join", text, err)
	text, err = streamSplit(ctx, client, "abc")
	report("split", text, err)
	text, err = streamSplit(ctx, client, "ab!c")
	report("split and fail", text, err)
	text, err = streamChat(ctx, client, []string{"a", "b", "c"})
	report("chat", text, err)
	text, err = streamChat(ctx, client, []string{"a", "!"})
	report("chat and fail", text, err)
	return nil
}

func streamJoin(ctx context.Context, client *ttrpc.Client) (string, error) {
	stream, err := client.NewStream(ctx, &ttrpc.StreamDesc{StreamingClient: true}, service, "Join", nil)
	if err != nil {
		return "", err
	}
	for _, part := range []string{"a", "", "b"} {
		if err := stream.SendMsg(wrapperspb.String(part)); err != nil {
			return "", err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return "", err
	}
	var answer wrapperspb.StringValue
	err = stream.RecvMsg(&answer)
	return answer.Value, err
}

func streamSplit(ctx context.Context, client *ttrpc.Client, text string) (string, error) {
	desc := &ttrpc.StreamDesc{StreamingServer: true}
	stream, err := client.NewStream(ctx, desc, service, "Split", wrapperspb.String(text))
	if err != nil {
		return "", err
	}
	read := ""
	for {
		var part wrapperspb.StringValue
		if err := stream.RecvMsg(&part); errors.Is(err, io.EOF) {
			return read, nil
		} else if err != nil {
			return read, err
		}
		read += part.Value + "."
	}
}

func streamChat(ctx context.Context, client *ttrpc.Client, parts []string) (string, error) {
	desc := &ttrpc.StreamDesc{StreamingClient: true, StreamingServer: true}
	stream, err := client.NewStream(ctx, desc, service, "Chat", nil)
	if err != nil {
		return "", err
	}
	read := ""
	for _, part := range parts {
		if err := stream.SendMsg(wrapperspb.String(part)); err != nil {
			return read, err
		}
		var answer wrapperspb.StringValue
		if err := stream.RecvMsg(&answer); err != nil {
			return read, err
		}
		read += answer.Value + "."
	}
	if err := stream.CloseSend(); err != nil {
		return read, err
	}
	var none wrapperspb.StringValue
	if err := stream.RecvMsg(&none); !errors.Is(err, io.EOF) {
		return read, fmt.Errorf("want the end, got %q, %v", none.Value, err)
	}
	return read, nil
}

// report prints one line per call: the answer, then the error's code, text and details.
func report(name, answer string, err error) {
	line := fmt.Sprintf("%s: %q", name, answer)
	if errors.Is(err, context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded {
		// Both sides enforce the deadline, so either error may come first.
		line += " DeadlineExceeded"
	} else if err != nil {
		st, _ := status.FromError(err)
		line += fmt.Sprintf(" %s %q", st.Code(), st.Message())
		for _, detail := range st.Details() {
			if text, ok := detail.(*wrapperspb.StringValue); ok {
				line += " detail " + text.Value
			}
		}
	}
	fmt.Println(line)
}
